"""Everything in the repository that the model computes, made again and compared with what stands.

``make reproduce`` runs the steps of ``experiments.reproduce.steps``; each writes into a temporary
folder, and what it wrote is compared byte for byte with the committed files.
"""
