"""How good models are on labelled pictures: metrics, thresholds, comparisons, and reports that show them."""
