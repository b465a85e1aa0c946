"""What scoring candidate actions costs: ours, common practice and published peers on the same models and prompts."""
