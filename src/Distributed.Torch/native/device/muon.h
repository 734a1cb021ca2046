// Muon's step as ../muon.h has it, without a look at what the device has computed.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "../abi.h"

namespace distributed {

// Matrices of one shape, which take the place of one another's idle units: small ones by themselves
// leave most of a GPU unused.
class MuonBatch {
public:
    MuonBatch(int64_t rows, int64_t columns, int newtonSchulzSteps)
        : rows_(rows), columns_(columns), newtonSchulzSteps_(newtonSchulzSteps) {}

    bool takes(const dt_stretch& stretch) const;
    // group is the place of the matrix's rate and activity in what step is given.
    void add(const dt_stretch& stretch, int64_t group);
    void finish(at::Device device);

    // directions are those of the momentum, as long as the parameters. rates and changes are the
    // groups' numbers; a group whose number of changes is 0 stays as it is.
    void step(
        const at::Tensor& parameters, const at::Tensor& directions, const at::Tensor& rates,
        const at::Tensor& changes) const;

private:
    at::Tensor stacked(const at::Tensor& flat) const;
    at::Tensor orthogonalized(at::Tensor directions) const;

    int64_t rows_;
    int64_t columns_;
    int newtonSchulzSteps_;
    std::vector<int64_t> offsets_;
    std::vector<int64_t> groups_;
    at::Tensor groupOf_;
};

}  // namespace distributed
