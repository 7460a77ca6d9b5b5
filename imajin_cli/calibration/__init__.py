"""From labelled pictures to thresholds with error rates, and the file that keeps them."""
