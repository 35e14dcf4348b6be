"""The command line: data on stdout, talk on stderr, exit codes that scripts can use."""
