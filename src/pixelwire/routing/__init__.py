"""Which events go to a destination, and in what shape. Pure: knows no engine, no disk, no HTTP."""
