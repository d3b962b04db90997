"""The only writers: a Result becomes a terminal table, CSV, JSON, Markdown or Parquet, on stdout or in a file."""
