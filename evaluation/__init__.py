"""How good models are on labelled pictures: metrics, thresholds, comparisons, and reports that show them.

data     data.py, known.py: which pictures are evaluated, and which ones a threshold is chosen on
running  run.py, answers.py: models answer, and a few bytes of each answer are kept
figures  metrics.py, coverage.py, suspects.py, thresholds.py, proportions.py, significance.py; findings.py is all of
         them, metrics.json and suspects.csv
report   report.py, plots.py, matrix.py, two_class_plots.py, gallery.py, heat.py: the page and its pictures; summary.py:
         the terminal
"""
