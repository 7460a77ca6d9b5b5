"""Content Credentials (C2PA): what is claimed of a published file, signing it last, and checking it."""
