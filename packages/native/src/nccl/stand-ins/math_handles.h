// The types of CUDA's libraries of products that libtorch's headers of CUDA mention. None of their functions is called here, so declarations
// are enough, and their own headers, with all that those include, need not be there.
#pragma once

struct cublasContext;
typedef struct cublasContext* cublasHandle_t;
typedef enum { tsumugi_cublas_status = 0 } cublasStatus_t;
struct cublasLtContext;
typedef struct cublasLtContext* cublasLtHandle_t;
struct cusparseContext;
typedef struct cusparseContext* cusparseHandle_t;
typedef enum { tsumugi_cusparse_status = 0 } cusparseStatus_t;
struct cusolverDnContext;
typedef struct cusolverDnContext* cusolverDnHandle_t;
typedef enum { tsumugi_cusolver_status = 0 } cusolverStatus_t;
