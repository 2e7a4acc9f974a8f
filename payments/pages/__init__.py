"""A door: the HTML pages that donors meet. They work without JavaScript and keep nothing in the browser."""
