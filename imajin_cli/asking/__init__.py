"""From a sentence to a request: what classify, prompt and auto share. What is judged by models is in the stages."""
