#include "muon.h"

#include <cmath>

#include "../errors.h"
#include "../muon.h"

namespace distributed {

bool MuonBatch::takes(const dt_stretch& stretch) const {
    return stretch.rows == rows_ && stretch.length == rows_ * columns_
        && stretch.newton_schulz_steps == newtonSchulzSteps_;
}

void MuonBatch::add(const dt_stretch& stretch, int64_t group) {
    offsets_.push_back(stretch.offset);
    groups_.push_back(group);
}

void MuonBatch::finish(at::Device device) {
    groupOf_ = at::tensor(groups_, at::kLong).to(device);
}

void MuonBatch::step(
    const at::Tensor& parameters, const at::Tensor& directions, const at::Tensor& rates,
    const at::Tensor& changes) const {
    const auto ofMatrices = [&](const at::Tensor& numbers) {
        return numbers.index_select(0, groupOf_).view({-1, 1, 1});
    };
    at::Tensor filters = stacked(parameters);
    const at::Tensor norms = filters.flatten(1).norm(2, 1).view({-1, 1, 1});
    const at::Tensor isScaled = norms.mul(ofMatrices(changes)).gt(0);
    const at::Tensor scales = norms.reciprocal().mul_(std::sqrt(static_cast<double>(rows_)));
    filters.mul_(at::where(isScaled, scales, at::ones_like(scales)));
    filters.addcmul_(orthogonalized(stacked(directions)), ofMatrices(rates), -1);
    for (size_t i = 0; i < offsets_.size(); ++i) {
        parameters.narrow(0, offsets_[i], rows_ * columns_)
            .copy_(filters[static_cast<int64_t>(i)].flatten());
    }
}

at::Tensor MuonBatch::stacked(const at::Tensor& flat) const {
    std::vector<at::Tensor> matrices;
    for (const int64_t offset : offsets_) {
        matrices.push_back(flat.narrow(0, offset, rows_ * columns_).view({rows_, columns_}));
    }
    return at::stack(matrices);
}

at::Tensor MuonBatch::orthogonalized(at::Tensor directions) const {
    const at::Tensor norms = directions.flatten(1).norm(2, 1).view({-1, 1, 1});
    directions.div_(norms.add_(NewtonSchulz::noDivisionByZero));
    const bool isTall = rows_ > columns_;
    at::Tensor value = isTall ? directions.transpose(1, 2) : directions;
    for (int step = 0; step < newtonSchulzSteps_; ++step) {
        const at::Tensor square = value.bmm(value.transpose(1, 2));
        const at::Tensor polynomial = at::baddbmm(
            square, square, square, NewtonSchulz::cubic, NewtonSchulz::quintic);
        value = at::baddbmm(value, polynomial, value, NewtonSchulz::linear, 1);
    }
    return isTall ? value.transpose(1, 2) : value;
}

}  // namespace distributed
