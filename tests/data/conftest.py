"""Its place puts the modules of this folder within reach of the tests in the folders below."""
