"""Thresholds that were measured on labelled pictures, as gates read them."""
