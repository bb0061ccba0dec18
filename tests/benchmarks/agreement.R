# Fits of mclust for bench_agreement.py. Arguments: a file of jobs, separated by tabs: name, file of rows, file of
# responsibilities, family by mclust's name, tolerance ("default" or a number). Prints one line a job, separated
# by tabs: name, log-likelihood, BIC, number of parameters, weights, means, covariances, component by component.
suppressMessages(library(mclust))
jobs <- read.delim(commandArgs(trailingOnly = TRUE)[1], header = FALSE, colClasses = "character")
digits <- function(x) paste(format(x, digits = 17, trim = TRUE), collapse = ",")
cat("version", as.character(packageVersion("mclust")), paste0(R.version$major, ".", R.version$minor), sep = "\t")
cat("\n")
for (i in seq_len(nrow(jobs))) {
  job <- unlist(jobs[i, ])
  X <- as.matrix(read.csv(job[2]))
  z <- as.matrix(read.csv(job[3]))
  dimnames(z) <- NULL
  control <- emControl()
  if (job[5] != "default") control <- emControl(tol = rep(as.numeric(job[5]), 2), itmax = c(20000, 20000))
  fit <- me(if (ncol(X) == 1) X[, 1] else X, modelName = job[4], z = z, control = control)
  spread <- fit$parameters$variance
  sigma <- if (ncol(X) == 1) rep(spread$sigmasq, length.out = ncol(z)) else spread$sigma
  cat(job[1], digits(fit$loglik), digits(bic(job[4], fit$loglik, nrow(X), ncol(X), ncol(z))),
      nMclustParams(job[4], ncol(X), ncol(z)),
      digits(fit$parameters$pro), digits(fit$parameters$mean), digits(sigma), sep = "\t")
  cat("\n")
}
