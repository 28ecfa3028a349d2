// Takes the place of the theme's 1.5 MB of the same name: the icons come from its web font, this book adds none of its own.
