using System.Runtime.InteropServices;

namespace Distributed.Torch;

/// <summary>The functions for NCCL of native/abi.h.</summary>
internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library, EntryPoint = "dt_nccl_load",
        StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int NcclLoad(string path);

    [LibraryImport(Library, EntryPoint = "dt_nccl_describe")]
    internal static partial int NcclDescribe(byte* text, long capacity, out long needed);

    [LibraryImport(Library, EntryPoint = "dt_nccl_unique_id")]
    internal static partial int NcclUniqueId(byte* id);

    [LibraryImport(Library, EntryPoint = "dt_nccl_create")]
    internal static partial int NcclCreate(
        byte* id, int rank, int count, out NcclHandle group);

    [LibraryImport(Library, EntryPoint = "dt_nccl_connect")]
    internal static partial int NcclConnect(NcclHandle group, double timeoutSeconds);

    [LibraryImport(Library, EntryPoint = "dt_nccl_abort")]
    internal static partial int NcclAbort(NcclHandle group);

    [LibraryImport(Library, EntryPoint = "dt_nccl_free")]
    internal static partial void NcclFree(nint group);

    [LibraryImport(Library, EntryPoint = "dt_nccl_plan")]
    internal static partial int NcclPlan(
        NcclHandle group, int* nodeCounts, SlotAddition* adds, long addCount);

    [LibraryImport(Library, EntryPoint = "dt_nccl_reduce")]
    internal static partial int NcclReduce(
        NcclHandle group, nint* nodes, int elementType, long offset, long length);

    [LibraryImport(Library, EntryPoint = "dt_nccl_finish")]
    internal static partial int NcclFinish(NcclHandle group);
}
