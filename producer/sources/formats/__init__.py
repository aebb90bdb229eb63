"""How pictures lie in bytes: JPEG, multipart streams, kinds of images. No I/O in here."""
