// Found by the preprocessor; what it declares is in library/, included before the translated source.
