"""The database: engine, tables, repositories, migrations."""
