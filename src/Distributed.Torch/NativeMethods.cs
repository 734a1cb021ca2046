using System.Runtime.InteropServices;

namespace Distributed.Torch;

/// <summary>
/// The C ABI of native/abi.h. Only <see cref="TorchLibrary"/> may load the library.
/// </summary>
internal static unsafe partial class NativeMethods
{
    internal const string Library = "distributed_torch";

    /// <summary>DT_ABI_REVISION of abi.h.</summary>
    internal const int Revision = 4;

    /// <summary>The function that tells the library's own.</summary>
    internal const string RevisionFunction = "dt_abi_revision";

    /// <summary>The one that tells libtorch's, built against and loaded.</summary>
    internal const string VersionsFunction = "dt_libtorch_describe";

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeOptimizerSettings
    {
        public int Kind;
        public int Nesterov;
        public double Momentum;
        public double WeightDecay;
        public double Beta1;
        public double Beta2;
        public double Epsilon;
    }

    [LibraryImport(Library, EntryPoint = "dt_initialize",
        StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Initialize(int threadCount, string device);

    [LibraryImport(Library, EntryPoint = "dt_last_error")]
    internal static partial byte* LastError();

    [LibraryImport(Library, EntryPoint = "dt_live_handles")]
    internal static partial long LiveHandles();

    [LibraryImport(Library, EntryPoint = "dt_runtime_describe")]
    internal static partial int RuntimeDescribe(byte* text, long capacity, out long needed);

    [LibraryImport(Library, EntryPoint = "dt_devices_describe")]
    internal static partial int DevicesDescribe(byte* text, long capacity, out long needed);

    [LibraryImport(Library, EntryPoint = "dt_model_create",
        StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int ModelCreate(
        string network, int elementType, long bucketBytes, out ModelHandle model);

    [LibraryImport(Library, EntryPoint = "dt_model_free")]
    internal static partial void ModelFree(nint model);

    [LibraryImport(Library, EntryPoint = "dt_model_describe")]
    internal static partial int ModelDescribe(
        ModelHandle model, byte* text, long capacity, out long needed);

    [LibraryImport(Library, EntryPoint = "dt_model_bind")]
    internal static partial int ModelBind(
        ModelHandle model, NativeBuffer parameters, long parametersLength, NativeBuffer statistics,
        long statisticsLength);

    [LibraryImport(Library, EntryPoint = "dt_model_forward_backward")]
    internal static partial int ModelForwardBackward(
        ModelHandle model, float* images, int* labels, ModelShard* shards, long shardCount,
        double lossScale, NativeBuffer gradients,
        delegate* unmanaged<int, nint, void> bucketReady, nint context);

    [LibraryImport(Library, EntryPoint = "dt_model_update_statistics")]
    internal static partial int ModelUpdateStatistics(ModelHandle model, NativeBuffer gradients);

    [LibraryImport(Library, EntryPoint = "dt_model_evaluate")]
    internal static partial int ModelEvaluate(
        ModelHandle model, float* images, int* labels, long count, float* logits,
        out double lossSum, out long correct);

    [LibraryImport(Library, EntryPoint = "dt_model_loss")]
    internal static partial int ModelLoss(
        ModelHandle model, float* logits, int* labels, long count, out double lossSum,
        out long correct);

    [LibraryImport(Library, EntryPoint = "dt_optimizer_step")]
    internal static partial int OptimizerStep(
        in NativeOptimizerSettings settings, int elementType, double learningRate, long step,
        NativeBuffer parameters, NativeBuffer gradients, nint state0, nint state1, long offset,
        long length);

    [LibraryImport(Library, EntryPoint = "dt_muon_step")]
    internal static partial int MuonStep(
        in NativeOptimizerSettings settings, int newtonSchulzSteps, int elementType,
        double learningRate, NativeBuffer parameters, NativeBuffer gradients, NativeBuffer state,
        long offset, long rows, long columns);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int SetEnvironment(string name, string value, int overwrite);

    internal static void Check(int status)
    {
        if (status == 0)
            return;
        var message = Marshal.PtrToStringUTF8((nint)LastError());
        throw new TorchException(
            (TorchErrorCode)status, string.IsNullOrEmpty(message) ? "unknown error" : message);
    }

    internal delegate int Describer(byte* text, long capacity, out long needed);

    /// <summary>Reads a text whose size only the callee knows.</summary>
    internal static string ReadText(Describer describe)
    {
        Check(describe(null, 0, out var needed));
        var text = new byte[needed];
        fixed (byte* start = text)
            Check(describe(start, needed, out _));
        return System.Text.Encoding.UTF8.GetString(text, 0, text.Length - 1);
    }
}
