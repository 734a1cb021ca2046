#include "device_loss.h"

namespace distributed {

DeviceLoss crossEntropyOnDevice(
    const at::Tensor& logits, const at::Tensor& labels, double smoothing, const at::Tensor& scale) {
    const int64_t classes = logits.size(1);
    const double share = smoothing / static_cast<double>(classes);
    const at::Tensor rows = logits.to(at::kDouble);
    const at::Tensor shifted = rows - rows.amax(1, true);
    const at::Tensor logTotal = shifted.exp().sum(1, true).log_();
    const at::Tensor logShares = shifted - logTotal;
    DeviceLoss loss;
    at::Tensor sum = logShares.gather(1, labels.unsqueeze(1)).sum().mul_(-(1 - smoothing));
    // 0 * infinity would be NaN where no smoothing was asked for.
    loss.sum = smoothing > 0 ? sum.sub_(logShares.sum(), share) : sum;
    loss.correct = logits.argmax(1).eq(labels).sum().to(at::kDouble);
    if (scale.defined()) {
        const at::Tensor isLabel = labels.unsqueeze(1).eq(
            at::arange(classes, labels.options()).unsqueeze(0));
        const at::Tensor target = isLabel.to(at::kDouble).mul_(1 - smoothing).add_(share);
        loss.gradient = logShares.exp().sub_(target).mul_(scale).to(logits.scalar_type());
    }
    return loss;
}

}  // namespace distributed
