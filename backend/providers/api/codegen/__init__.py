"""Provider on Codegen's runs, which are polled."""
