"""The review page of published folders, and the decisions that a person took on it."""
