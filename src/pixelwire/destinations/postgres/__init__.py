"""PostgreSQL as a destination: events as rows of tables that grow columns as they appear."""
