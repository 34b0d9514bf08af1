"""Building blocks of reports: intervals, tables, charts and pictures."""
