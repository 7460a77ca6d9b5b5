"""The only home of heavy libraries: each is imported when its backend loads."""
