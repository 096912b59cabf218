"""Features of anybody's data: files of any format in and out, corpora, references, the command."""
