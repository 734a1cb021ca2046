using Distributed.Kernel;
using Distributed.Training.Data;
using Distributed.Training.Specification;

namespace Distributed.Training.Step;

/// <summary>Opens exactly the samples that a run spec uses.</summary>
public static class SpecifiedDataset
{
    /// <summary>Fetches the dataset if it is not there yet, and checks every byte of it.</summary>
    public static DatasetPair Fetch(
        DatasetSpec spec, IProgress<DatasetProgress> progress, CancellationToken cancellation)
    {
        var catalog = new DatasetCatalog();
        catalog.Get(spec.Name, Options(spec), force: false, progress, cancellation).Dispose();
        return Limit(catalog.Load(spec.Name, verifyChecksums: true, Options(spec)), spec);
    }

    /// <summary>Opens a dataset, and fetches it where this machine has not had it before.</summary>
    public static DatasetPair Open(DatasetSpec spec) =>
        Limit(new DatasetCatalog().Get(spec.Name, Options(spec)), spec);

    /// <summary>Opens a dataset that is in this machine's cache; never fetches.</summary>
    /// <exception cref="OperatingException">It is not there.</exception>
    public static DatasetPair Load(DatasetSpec spec) =>
        Limit(new DatasetCatalog().Load(spec.Name, options: Options(spec)), spec);

    private static DatasetOptions Options(DatasetSpec spec) =>
        new() { Classes = [.. spec.ClassNames] };

    private static DatasetPair Limit(DatasetPair data, DatasetSpec spec) =>
        data.Limit(spec.TrainLimit, spec.TestLimit);
}
