"""One prompt across models, as one sheet: who is compared, the cells, the page and the picture of them."""
