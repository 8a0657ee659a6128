"""Settings. (TOML file and environment.)"""
