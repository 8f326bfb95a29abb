"""Properties of crystals by a potential: equation of state, elastic constants, phonons, vacancies, surfaces."""
