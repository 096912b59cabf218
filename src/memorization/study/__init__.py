"""What is studied: the rows, what is known of them, and what became of them."""
