"""What stages that paint a part of a picture anew share: whose pixels they are, and who paints."""
