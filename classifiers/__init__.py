"""What the user names, as one object: `load_classifier` makes it, `Classifier.classify` answers.

from classifiers import load_classifier

classifier = load_classifier("efficientnet_lite2")
for result in classifier.classify(["photos/", image, array]):
    print(result.source, result.predictions[0].label, result.predictions[0].score)
"""

from classifiers.classifier import Classifier
from classifiers.load import load_classifier

__all__ = ["Classifier", "load_classifier"]
