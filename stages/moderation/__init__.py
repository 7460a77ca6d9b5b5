"""The layers of moderation, one module each, and the fixed rules that make one verdict of what they find."""
