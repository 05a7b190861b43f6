"""`callbridge doctor` and `callbridge check --live`: is the installation as it must be, and what to do where it is not."""
