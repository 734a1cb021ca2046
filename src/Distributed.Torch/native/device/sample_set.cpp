#include "sample_set.h"

#include "../errors.h"

namespace distributed {

namespace {

constexpr int64_t byteValues = 256;

// One field of every sample, as a column that goes along rows or columns of pixels.
at::Tensor field(const at::Tensor& samples, int32_t dt_sample::*member) {
    static const dt_sample sample{};
    const auto* start = reinterpret_cast<const int32_t*>(&sample);
    return samples.narrow(1, &(sample.*member) - start, 1);
}

struct Sources {
    at::Tensor indices;    // inside the image, also where nothing is shown
    at::Tensor isOutside;
};

// For each place of the result the row or column of the image that it shows.
Sources sourcesOf(
    const at::Tensor& places, const at::Tensor& translate, const at::Tensor& crop,
    const at::Tensor& reflect, int64_t extent) {
    const int64_t last = extent - 1;
    const at::Tensor shifted = places + translate;
    const at::Tensor straight = shifted + crop;
    const at::Tensor fromEnd = at::where(straight.gt(last), 2 * last - straight, straight);
    const at::Tensor mirrored = at::where(straight.lt(0), straight.neg(), fromEnd);
    const at::Tensor source = at::where(reflect.ne(0), mirrored, straight);
    return {source.clamp(0, last).to(at::kLong),
        shifted.lt(0).logical_or_(shifted.gt(last)).logical_or_(source.lt(0)).logical_or_(
            source.gt(last))};
}

at::Tensor isWithin(const at::Tensor& places, const at::Tensor& from, const at::Tensor& to) {
    return places.ge(from).logical_and_(places.lt(to));
}

}  // namespace

SampleSet::SampleSet(
    const Shape& shape, const uint8_t* images, const int32_t* labels, int64_t count,
    const float* values, at::ScalarType type, at::Device device) {
    const auto copied = [&](const void* memory, at::IntArrayRef sizes, at::ScalarType element) {
        const at::Tensor view = at::from_blob(
            const_cast<void*>(memory), sizes, at::TensorOptions().dtype(element));
        return device.is_cpu() ? view.clone() : view.to(device);
    };
    images_ = copied(images, {count, shape.channels, shape.height, shape.width}, at::kByte);
    labels_ = copied(labels, {count}, at::kInt).to(at::kLong);
    values_ = copied(values, {shape.channels, byteValues}, at::kFloat).to(type);
    const auto places = at::TensorOptions().dtype(at::kInt).device(device);
    rows_ = at::arange(shape.height, places).unsqueeze(0);
    columns_ = at::arange(shape.width, places).unsqueeze(0);
    channels_ = at::arange(shape.channels, places.dtype(at::kLong));
}

void SampleSet::check(const dt_sample* samples, int64_t count) const {
    for (int64_t i = 0; i < count; ++i) {
        require(samples[i].index >= 0 && samples[i].index < images_.size(0), "sample ", i,
            " of the batch is image ", samples[i].index, " of the set; expected 0..",
            images_.size(0) - 1);
    }
}

at::Tensor SampleSet::images(const at::Tensor& samples) const {
    const int64_t width = images_.size(3);
    const auto drawn = [&](int32_t dt_sample::*member) { return field(samples, member); };
    const at::Tensor reflect = drawn(&dt_sample::reflect);
    const Sources rows = sourcesOf(rows_, drawn(&dt_sample::translate_rows),
        drawn(&dt_sample::crop_rows), reflect, images_.size(2));
    const at::Tensor shownColumns =
        at::where(drawn(&dt_sample::flip).ne(0), width - 1 - columns_, columns_);
    const Sources columns = sourcesOf(shownColumns, drawn(&dt_sample::translate_columns),
        drawn(&dt_sample::crop_columns), reflect, width);
    const at::Tensor image = drawn(&dt_sample::index).to(at::kLong).unsqueeze(2);
    // The whole axis that is left between indexed ones comes last: N,H,W,C.
    at::Tensor bytes = at::index(
        images_, {image, at::Tensor(), rows.indices.unsqueeze(2), columns.indices.unsqueeze(1)});
    // Padding is black before it is normalised.
    const at::Tensor isPadding =
        rows.isOutside.unsqueeze(2).logical_or(columns.isOutside.unsqueeze(1)).unsqueeze(3);
    bytes.masked_fill_(isPadding, 0);
    at::Tensor pixels = at::index(values_, {channels_, bytes.to(at::kLong)});
    const at::Tensor isCutRow =
        isWithin(rows_, drawn(&dt_sample::cutout_top), drawn(&dt_sample::cutout_bottom));
    const at::Tensor isCutColumn =
        isWithin(columns_, drawn(&dt_sample::cutout_left), drawn(&dt_sample::cutout_right));
    pixels.masked_fill_(
        isCutRow.unsqueeze(2).logical_and(isCutColumn.unsqueeze(1)).unsqueeze(3), 0);
    return pixels.permute({0, 3, 1, 2});
}

at::Tensor SampleSet::labels(const at::Tensor& samples) const {
    return labels_.index_select(0, field(samples, &dt_sample::index).squeeze(1));
}

}  // namespace distributed
