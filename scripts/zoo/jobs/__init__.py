"""What every job shares: files written whole, records, a log, child processes, progress, what it used."""
