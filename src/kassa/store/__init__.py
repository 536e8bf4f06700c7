"""All SQL: one file per table group, on PostgreSQL 15 to 18."""
