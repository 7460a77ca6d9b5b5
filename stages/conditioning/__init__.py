"""What `condition` is made of: which maps are wanted, poses, clothing, a scene's layers; pixels are in imaging/control."""
