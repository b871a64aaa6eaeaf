//! The commands that ask a running server, as they are written.

use clap::{Args, Subcommand};

/// Commands that ask a running server.
#[derive(Debug, Clone, Subcommand)]
pub enum ClientCommand {
    /// Make, list, show, move, watch and stop tickets.
    #[command(subcommand)]
    Ticket(TicketCommand),
    /// Inside a run: the work is finished. Says what was done.
    Done(ReportText),
    /// Inside a run: the work is finished and a person must look.
    Review(ReportText),
    /// Inside a run: a person must answer before it can go on.
    Question(ReportText),
    /// Inside a run: a comment on the ticket.
    Comment(ReportText),
    /// Inside a run: something that shows that the work is good.
    Evidence(EvidenceText),
    /// Make an engine look at once.
    Tick {
        /// Which one.
        #[arg(value_parser = ["pickup", "reaper", "drain", "scheduler", "housekeeping"])]
        name: String,
    },
    /// Say something to the orchestrator.
    Send {
        /// What.
        message: String,
        /// Seconds to wait for the answer; 0 only sends.
        #[arg(long, default_value_t = 60)]
        wait: u64,
    },
    /// The orchestrator: how she is, start, stop, switch, and her answers.
    #[command(subcommand)]
    Luci(LuciCommand),
    /// Scheduled tasks: list, run, stop, pause, resume.
    #[command(subcommand)]
    Task(TaskCommand),
}

/// Work with scheduled tasks.
#[derive(Debug, Clone, Subcommand)]
pub enum TaskCommand {
    /// All of them: when they are due next, how they went last.
    List,
    /// A task's runs, newest first.
    Runs {
        /// The task.
        name: String,
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Run a task now.
    Run {
        /// The task.
        name: String,
    },
    /// End what waits or runs of a task.
    Stop {
        /// The task.
        name: String,
    },
    /// Let a task not run by itself any more.
    Pause {
        /// The task.
        name: String,
    },
    /// Let a task run by itself again.
    Resume {
        /// The task.
        name: String,
    },
}

/// Work with the orchestrator.
#[derive(Debug, Clone, Subcommand)]
pub enum LuciCommand {
    /// How she is.
    Status,
    /// Bring her up; after too many failures, give her another chance.
    Start,
    /// End her session; what is sent to her waits.
    Stop,
    /// Go on with another profile.
    Switch {
        /// Its name.
        profile: String,
    },
    /// The answer to something that was sent.
    Answer {
        /// The turn's number; the newest unless said.
        turn: Option<u64>,
        /// Seconds to wait for it.
        #[arg(long, default_value_t = 60)]
        wait: u64,
    },
}

/// What an agent reports.
#[derive(Debug, Clone, Args)]
pub struct ReportText {
    /// The words; `-` or nothing reads them from the standard input.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub text: Vec<String>,
}

/// What an agent shows.
#[derive(Debug, Clone, Args)]
pub struct EvidenceText {
    /// One line: what it shows.
    pub label: String,
    /// More: output, a path, an address; `-` reads it from the standard input.
    #[arg(long, allow_hyphen_values = true)]
    pub detail: Option<String>,
}

/// Work with tickets.
#[derive(Debug, Clone, Subcommand)]
pub enum TicketCommand {
    /// Make a ticket.
    New(NewArgs),
    /// List tickets, last changed first.
    List(ListArgs),
    /// Show a ticket with its newest comments.
    Show {
        /// MC-12 or 12.
        ticket: String,
    },
    /// Move a ticket to another status.
    Move {
        /// MC-12 or 12.
        ticket: String,
        /// inbox, todo, in_progress, in_review, blocked, done or cancelled.
        status: String,
    },
    /// Say something on a ticket; a waiting one goes on with it.
    Comment {
        /// MC-12 or 12.
        ticket: String,
        /// The words.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        text: Vec<String>,
        /// Only a comment, no reply.
        #[arg(long)]
        no_reply: bool,
    },
    /// Follow what its worker does, until it stops working.
    Watch {
        /// MC-12 or 12.
        ticket: String,
        /// Go on watching whatever its status.
        #[arg(long)]
        follow: bool,
    },
    /// Stop its worker and all its processes.
    Stop {
        /// MC-12 or 12.
        ticket: String,
        /// Where the ticket goes then; blocked unless said.
        #[arg(long)]
        status: Option<String>,
    },
    /// What its worker did, line by line.
    Log {
        /// MC-12 or 12.
        ticket: String,
        /// The newest run's raw log instead.
        #[arg(long)]
        raw: bool,
    },
}

/// A ticket to make.
#[derive(Debug, Clone, Args)]
pub struct NewArgs {
    /// Its title; of several lines the first is the title and the rest describes it.
    pub text: String,
    /// Start it at once.
    #[arg(long)]
    pub now: bool,
    /// Describes it.
    #[arg(long, allow_hyphen_values = true)]
    pub description: Option<String>,
    /// inbox or todo.
    #[arg(long)]
    pub status: Option<String>,
    /// Its project.
    #[arg(long)]
    pub project: Option<String>,
    /// Who does it.
    #[arg(long)]
    pub role: Option<String>,
    /// critical, high, normal or low.
    #[arg(long)]
    pub priority: Option<String>,
    /// With which profile.
    #[arg(long)]
    pub profile: Option<String>,
    /// code, ui, mobile, architecture or task.
    #[arg(long)]
    pub work_class: Option<String>,
    /// The ticket it is a part of.
    #[arg(long)]
    pub parent: Option<String>,
    /// A ticket that must be done first; may be given several times.
    #[arg(long)]
    pub blocked_by: Vec<String>,
}

/// Which tickets to list.
#[derive(Debug, Clone, Default, Args)]
pub struct ListArgs {
    /// Only this status.
    #[arg(long)]
    pub status: Option<String>,
    /// Only this project.
    #[arg(long)]
    pub project: Option<String>,
    /// Only this role.
    #[arg(long)]
    pub role: Option<String>,
    /// Only this priority.
    #[arg(long)]
    pub priority: Option<String>,
    /// Only those with these words.
    #[arg(long, short)]
    pub q: Option<String>,
    /// How many.
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
    /// Go on after a page.
    #[arg(long)]
    pub cursor: Option<String>,
}
