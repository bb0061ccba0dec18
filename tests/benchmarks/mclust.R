# Mclust of each csv file that is named, for bench_mclust.py: nine numbers of components, all families, as a user
# calls it. Arguments: the number of rounds, then the files. Prints one line a result, separated by tabs.
suppressMessages(library(mclust))
arguments <- commandArgs(trailingOnly = TRUE)
rounds <- as.integer(arguments[1])
say <- function(...) cat(..., sep = "\t", fill = FALSE)
say("version", as.character(packageVersion("mclust")), paste0(R.version$major, ".", R.version$minor))
cat("\n")
invisible(Mclust(faithful, G = 1:2, verbose = FALSE))
for (file in arguments[-1]) {
  X <- as.matrix(read.csv(file))
  seconds <- sapply(seq_len(rounds), function(i) {
    # Its starts are drawn at random where rows are many.
    set.seed(i)
    system.time(fit <<- Mclust(X, G = 1:9, verbose = FALSE))[["elapsed"]]
  })
  say("best", file, fit$modelName, fit$G, format(fit$loglik, digits = 15), format(fit$bic, digits = 15),
      paste(seconds, collapse = ","))
  cat("\n")
  for (model in colnames(fit$BIC)) for (k in rownames(fit$BIC)) {
    say("cell", file, model, k, format(fit$BIC[k, model], digits = 15))
    cat("\n")
  }
}
