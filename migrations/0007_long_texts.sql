-- A ticket may have 200,000 bytes to say. SQLite reads a row from its beginning and follows it page by page, so what
-- lists show must stand before the long text: the description becomes the last column. Columns that come later belong
-- into a table of their own.
drop trigger tickets_text_in;
drop trigger tickets_text_over;
drop table tickets_text;
alter table tickets add column said text not null default '';
update tickets set said = description;
alter table tickets drop column description;
alter table tickets rename column said to description;

-- Words are looked for by their beginnings, and the newest tickets that have them come first. An index for each length
-- gives them in this order; without one, all that begin so would be gathered before the first is known. Where in a text
-- a word stands, and how long the text is, nobody asks.
create virtual table tickets_text using fts5 (
  title, description, content = 'tickets', content_rowid = 'id', tokenize = 'unicode61',
  detail = none, columnsize = 0, prefix = '1 2 3 4 5 6 7 8 9 10 11 12'
);
insert into tickets_text (tickets_text) values ('rebuild');
create trigger tickets_text_in after insert on tickets begin
  insert into tickets_text (rowid, title, description) values (new.id, new.title, new.description);
end;
create trigger tickets_text_over after update of title, description on tickets begin
  insert into tickets_text (tickets_text, rowid, title, description) values ('delete', old.id, old.title, old.description);
  insert into tickets_text (rowid, title, description) values (new.id, new.title, new.description);
end;
