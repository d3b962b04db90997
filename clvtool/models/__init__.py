"""Models of customers: one file each, everything they have in common once.

A model of purchases is one file, `bg_nbd.py` being the pattern, and one line in `registry.MODELS`. The file gives

- `FORM`: the name, and the parameters in blocks. A block knows its coordinates for the search, their names, limits, and
  the sentence for a fit that ends there: `purchase_rate("r", "alpha")`, `leaving_chance("a", "b")` (see `scales`).
- a log-likelihood: a function from the parameters, in the papers' order, to `Point(value, gradient, hessian)`, with
  derivatives by these parameters. It must keep its digits where shapes run to 1e8; `special` has the forms for that.
- a frozen class with the closed forms: for purchases `p_alive`, `expected_purchases`, `purchases_if_alive`,
  `p_none_if_alive` and `counts_if_alive` on top of `PurchaseModel`, which has all that follows (conditional and
  discounted expectations).
- `fit(data)`: refuse what cannot be fitted, name one or more starts, and call `fitting.maximum_likelihood`.

It does not search, invert a Hessian, name a limit, draw an interval, discount or write a file:

    histories   (x, t_x, T) of all customers, collapsed and in canonical order; all a purchase model reads
    scales      coordinates: means and shapes instead of the papers' parameters
    newton      the search for a maximum, with limits
    fitting     Form, Fit, maximum_likelihood, confidence_interval, derived_variance
    special     gamma functions and their ratios without cancellation
    leaving     expected purchases before leaving, for all (M)BG models
    leaving_*   likelihood and closed forms that (M)BG models share
    stages      regular purchases: k stages each, sums over them; regular_model what the (M)BG/CNBD-k share
    counts      likelihood of the number of purchases while nobody leaves
    pareto_*    likelihood of Pareto/NBD, the integral over the time of leaving, and tables of it
    purchase_counts  probabilities of 0, 1, 2 … purchases ahead
    purchases   PurchaseModel, Outlook, weekly_delta
    uncertainty fits that stand for the uncertainty of the parameters
    ranges      predictive intervals of single customers
    totals      variances and intervals of sums over customers
    scores      log probability of purchases that a model has not seen
    reference   published figures beside ours
    contracts   what models of retention tables (sBG, BdW) share
    stretches   StretchModel: purchases in a stretch of time that begins later
    expected    sums over customers of what they will do, period by period, with variances; newcomers likewise
    registry    MODELS: the names, importable without numpy; COMPARED: those of buying that compete; kinds
    file        fits as JSON

A fit returns a finished, frozen object: there is no model that is not fitted yet. Nothing here prints, reads a clock,
opens a file or draws a random number, and the same customers in any order give the same bits.
"""
