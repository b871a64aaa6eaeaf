#!/bin/sh
# Stands before rustc: the product's own code and the properties are compiled with what libFuzzer watches coverage by,
# as `cargo fuzz run -s none` would have it. Works on stable Rust.
case " $* " in
*" --crate-name mission_control "* | *" --crate-name mission_control_fuzz "*)
    exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
*) exec "$@" ;;
esac
