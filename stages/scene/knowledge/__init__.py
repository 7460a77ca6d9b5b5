"""What a prompt means: interface situations and picturable concepts, compiled to one bank and matched to words."""
