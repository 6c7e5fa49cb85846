"""What the database costs: a file for each measurement. ``make bench-database`` runs them all, ``ONLY=move`` one."""
