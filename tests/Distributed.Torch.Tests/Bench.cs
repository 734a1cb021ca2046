namespace Distributed.Torch.Tests;

/// <summary>A model with buffers, seeded parameters and a seeded batch, ready to step.</summary>
internal sealed class Bench : IDisposable
{
    internal Bench(
        string network, int samples = 4, ElementType type = ElementType.Float32, int seed = 1,
        long bucketBytes = 1 << 20)
    {
        TorchLibrary.Initialize(1);
        Model = TorchModel.Create(network, type, bucketBytes);
        Parameters = NativeBuffer.Of(type, Model.ParameterLength);
        Statistics = NativeBuffer.Of(type, Model.StatisticsLength);
        Gradients = NativeBuffer.Of(type, Model.GradientLength);
        var random = new Random(seed);
        foreach (var tensor in Model.Parameters)
            FillParameter(tensor, random);
        foreach (var tensor in Model.Statistics)
        {
            for (var i = 0; i < tensor.Length; i++)
                Write(Statistics, tensor.Offset + i, 0.5 + random.NextDouble());
        }
        Images = new float[samples * Model.ImageLength];
        foreach (ref var pixel in Images.AsSpan())
            pixel = 2 * random.NextSingle() - 1;
        Labels = new int[samples];
        foreach (ref var label in Labels.AsSpan())
            label = random.Next(Model.Classes);
        Model.Bind(Parameters, Statistics);
    }

    internal TorchModel Model { get; }

    internal NativeBuffer Parameters { get; }

    internal NativeBuffer Statistics { get; }

    internal NativeBuffer Gradients { get; }

    internal float[] Images { get; set; }

    internal int[] Labels { get; set; }

    internal ShardResult Step(
        ulong dropoutSeed = 7, double lossScale = 1, double statisticsWeight = 1,
        Action<int>? bucketReady = null) =>
        Model.ForwardBackward(
            Images, Labels, dropoutSeed, lossScale, statisticsWeight, Gradients, bucketReady);

    internal double Read(NativeBuffer buffer, long index) => Model.Type == ElementType.Float64
        ? buffer.AsSpan<double>(index, 1)[0] : buffer.AsSpan<float>(index, 1)[0];

    internal void Write(NativeBuffer buffer, long index, double value)
    {
        if (Model.Type == ElementType.Float64)
            buffer.AsSpan<double>(index, 1)[0] = value;
        else
            buffer.AsSpan<float>(index, 1)[0] = (float)value;
    }

    internal double[] ReadAll(NativeBuffer buffer, long offset, long length) =>
        [.. Enumerable.Range(0, (int)length).Select(i => Read(buffer, offset + i))];

    public void Dispose()
    {
        Model.Dispose();
        Parameters.Dispose();
        Statistics.Dispose();
        Gradients.Dispose();
    }

    // Weights of the usual size; a one-dimensional weight is a batch norm's and lies around 1.
    private void FillParameter(TensorInfo tensor, Random random)
    {
        var fanIn = tensor.Shape.Skip(1).Aggregate(1, (product, extent) => product * extent);
        var normWeight = tensor.Shape.Length == 1 && tensor.Name.EndsWith("weight",
            StringComparison.Ordinal);
        for (var i = 0; i < tensor.Length; i++)
        {
            var value = (2 * random.NextDouble() - 1) / Math.Sqrt(fanIn);
            Write(Parameters, tensor.Offset + i, normWeight ? 1 + value / 2 : value);
        }
    }
}
