"""What the `aesthetic` gate is made of beside what it measures: asset classes, statistics, weights. Knows no stage."""
