"""Nothing about mixtures: compilation, allocation, threads, progress, sentences, JSON."""
