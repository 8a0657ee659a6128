"""What several tests need: builders and the real command."""
