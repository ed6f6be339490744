"""What a person sees while a zoo is built, and when it ends."""
