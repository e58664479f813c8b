"""Cross-margining between two clearing houses: joint account (one pot) and separate accounts (two pots)."""
