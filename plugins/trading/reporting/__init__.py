"""Text and charts for people."""
